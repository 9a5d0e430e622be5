_base_ = './moco.py'
