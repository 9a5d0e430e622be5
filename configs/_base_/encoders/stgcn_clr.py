# The ST-GCN of SkeletonCLR, CrosSCLR and AimCLR: 16 channels in the first blocks, 256 in the last.
backbone = dict(type='SkeletonCLRSTGCN', hidden_channels=16, hidden_dim=256, dropout=0.5)
