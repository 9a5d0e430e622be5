_base_ = './isc.py'
