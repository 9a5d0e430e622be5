# LongT GAN (AAAI 2018), from the equations of the paper, because the authors' program does not run
# any more. The data are those of P&C. The published encoder is --encoder bigru_longtgan.
_base_ = '../pc/pc.py'

model = dict(
    type='LongTGAN',
    pooling=dict(type='FrameReadout'),
    decoder=dict(_delete_=True, type='InpaintingDecoder', hidden_size=800, num_layers=2),
    adversarial_weight=0.1,
    weight_clip=0.01,
)
optim_wrapper = dict(
    _delete_=True,
    constructor='SeveralOptimizersConstructor',
    paramwise_cfg=dict(
        groups=dict(generator=['encoders', 'decoders'], discriminator=['discriminators'])
    ),
    optimizer=dict(type='Adam', lr=5e-4),
)
train_cfg = dict(max_epochs=50)
small = dict(model=dict(decoder=dict(hidden_size=128)))
