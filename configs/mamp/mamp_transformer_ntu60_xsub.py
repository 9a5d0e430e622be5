_base_ = './mamp.py'
