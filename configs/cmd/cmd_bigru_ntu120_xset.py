_base_ = './cmd.py'
