# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_bandai2_xstyle.py'
model = dict(pretrained='random')
