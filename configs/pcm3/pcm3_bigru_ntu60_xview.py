_base_ = './pcm3.py'
