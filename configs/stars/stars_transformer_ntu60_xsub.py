_base_ = './stars.py'
