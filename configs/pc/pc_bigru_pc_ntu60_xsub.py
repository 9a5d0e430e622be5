_base_ = './pc.py'
