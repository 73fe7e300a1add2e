"""Which number chooses the best checkpoint without test data?"""
