# Sec. 4.3: pre-trained on another data set, fine-tuned here; one drop of the learning rate.
_base_ = '../finetune/finetune_bigru_pkummd2_xsub.py'
model = dict(pretrained='work_dirs/cmd_bigru_ntu120_xsub/epoch_450.pth')
param_scheduler = [dict(type='MultiStepLR', milestones=[50], gamma=0.1, by_epoch=True)]
