_base_ = './isc_ntu120.py'
