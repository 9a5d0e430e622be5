# Transfer, Sec. 4.3 of CMD: pre-training on another data set, then fine-tuning on that of --data.
# The learning rate drops once.
# python tools/train.py configs/benchmarks/transfer.py --pretrained CHECKPOINT --data pkummd2_xsub
_base_ = './finetune.py'

transfer = True  # the data set of the pre-training is refused

param_scheduler = [dict(type='MultiStepLR', milestones=[50], gamma=0.1, by_epoch=True)]
