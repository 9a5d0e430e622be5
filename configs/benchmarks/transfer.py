# Sec. 4.3 of CMD: pre-trained on another data set, fine-tuned on that of --data; one drop of the
# learning rate.
# python tools/train.py configs/benchmarks/transfer.py --pretrained CHECKPOINT --data pkummd2_xsub
_base_ = './finetune.py'

param_scheduler = [dict(type='MultiStepLR', milestones=[50], gamma=0.1, by_epoch=True)]
