# Nothing is pre-trained.
_base_ = '../finetune/finetune_bigru_ntu60_xview.py'
model = dict(pretrained='random')
