# ST-GCN++ (https://arxiv.org/abs/2205.09443) of mmaction2.
backbone = dict(
    type='STGCN',
    gcn_adaptive='init',
    gcn_with_res=True,
    tcn_type='mstcn',
    graph_cfg=dict(mode='spatial'),
)
