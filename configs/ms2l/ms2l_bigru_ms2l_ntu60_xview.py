_base_ = './ms2l.py'
