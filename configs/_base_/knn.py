# Nearest neighbours of the test split in the training split.
_base_ = './experiment.py'

val_cfg = dict(type='KNNValLoop', gallery_dataloader=_base_.gallery_dataloader)
test_cfg = dict(type='KNNTestLoop', gallery_dataloader=_base_.gallery_dataloader)
val_evaluator = test_evaluator = dict(type='KNNMetric', k=1)

small = dict(
    val_cfg=dict(gallery_dataloader=dict(num_workers=1)),
    test_cfg=dict(gallery_dataloader=dict(num_workers=1)),
)
