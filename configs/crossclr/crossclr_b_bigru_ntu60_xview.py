_base_ = './crossclr_b.py'
