_base_ = './ascal.py'
