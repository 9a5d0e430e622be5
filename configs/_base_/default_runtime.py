default_scope = 'mmcmd'
custom_imports = dict(imports=['mmcmd'])

default_hooks = dict(
    runtime_info=dict(type='DeferredInfoHook'),
    progress=dict(type='ProgressHook'),
    fitting=dict(type='FittingHook'),
    timer=dict(type='IterTimerHook'),
    throughput=dict(type='ThroughputHook'),
    nonfinite=dict(type='NonFiniteHook'),
    results=dict(type='ResultsHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='SafeCheckpointHook',
        interval=10,
        max_keep_ckpts=2,
        backend_args=dict(backend='atomic'),
    ),
    plain_checkpoint=dict(type='PlainCheckpointHook'),
    preemption=dict(type='PreemptionHook'),
    sync_buffers=dict(type='SyncBuffersHook'),
)
env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
log_processor = dict(
    type='LogProcessor',
    window_size=20,
    by_epoch=True,
    mean_pattern=r'.*(loss|acc|std|time|samples_per_s|grad_norm).*',
)
visualizer = dict(
    type='Visualizer',
    vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')],
)

randomness = dict(seed=42)
log_level = 'INFO'
load_from = None
resume = False
