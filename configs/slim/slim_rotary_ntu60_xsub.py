_base_ = './slim.py'
