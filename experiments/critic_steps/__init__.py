"""How many critic steps does a round need, and can the certificate choose them?"""
