# Fine-tuning: the encoder and the classifier are trained together.
# python tools/train.py configs/benchmarks/finetune.py --pretrained CHECKPOINT
_base_ = './linear.py'

model = dict(frozen=False)
optim_wrapper = dict(optimizer=dict(lr=0.01))
