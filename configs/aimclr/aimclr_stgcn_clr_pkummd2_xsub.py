_base_ = './aimclr.py'
