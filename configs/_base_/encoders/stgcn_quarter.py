# ST-GCN at the quarter width that is common in this field: 16 channels in the first stages.
backbone = dict(type='STGCN', base_channels=16, graph_cfg=dict(mode='stgcn_spatial'))
