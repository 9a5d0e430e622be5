from mmcmd.arguments import BUDGETS

from .config import EVALUATIONS, choices, load_config
from .fitting import fit_to_data
from .inference import build_loader, extract_features, init_model, predict_scores
from .loaders import loaders, set_dataset
from .unlabelled import skip_unlabelled_validation

__all__ = [
    'BUDGETS',
    'EVALUATIONS',
    'build_loader',
    'choices',
    'extract_features',
    'fit_to_data',
    'init_model',
    'load_config',
    'loaders',
    'predict_scores',
    'set_dataset',
    'skip_unlabelled_validation',
]
