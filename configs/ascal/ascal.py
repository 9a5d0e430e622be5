# AS-CAL (Information Sciences 2021, https://arxiv.org/abs/2008.00188): MoCo on an LSTM, without
# projection. The first of the 60 epochs only fills the queue. The published encoder is --encoder
# lstm_ascal. NW-UCLA: clip_len=60 model.queue.size=500.
_base_ = '../_base_/pretrain_ascal.py'

model = dict(
    type='ASCAL',
    modalities=('joint',),
    pooling=dict(type='GraphPooling'),  # the mean over all frames
    queue=dict(type='KeyQueue', size=16384, normalized=False),
    head=dict(type='MoCoHead', temperature=0.06),
    momentum=0.001,
)
# As in the released code, the last batch is kept, although it is smaller.
train_dataloader = dict(batch_size=32, drop_last=False, sampler=dict(drop_last=False))
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9, weight_decay=1e-4))
train_cfg = dict(max_epochs=60, val_interval=10)
param_scheduler = [dict(type='MultiStepLR', milestones=[30], gamma=0.1, by_epoch=True)]
# For small data: a small queue, and a larger momentum, so that the key encoders change faster.
small = dict(model=dict(queue=dict(size=1024), momentum=0.01))
