_base_ = './crossclr.py'
