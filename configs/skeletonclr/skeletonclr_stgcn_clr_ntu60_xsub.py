_base_ = './skeletonclr.py'
