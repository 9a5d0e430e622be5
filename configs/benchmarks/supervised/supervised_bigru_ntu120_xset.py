# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_ntu120_xset.py'
model = dict(pretrained='random')
