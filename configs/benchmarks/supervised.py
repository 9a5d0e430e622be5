# Supervised training: the whole network is trained from scratch.
_base_ = './finetune.py'

model = dict(pretrained='random')
