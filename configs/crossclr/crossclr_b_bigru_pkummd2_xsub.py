_base_ = './crossclr_b_pkummd2.py'
