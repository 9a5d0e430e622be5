_base_ = './usdrl.py'
