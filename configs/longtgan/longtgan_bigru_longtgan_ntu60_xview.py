_base_ = './longtgan.py'
