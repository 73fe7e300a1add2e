"""Which score notices which fault, and with how many examples?"""
