_base_ = '../finetune/finetune_bigru_syntheticpku_xsub.py'
model = dict(pretrained='work_dirs/cmd_bigru_synthetic_xsub/epoch_30.pth')
