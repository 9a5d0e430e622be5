from .config import BUDGETS, EVALUATIONS, choices, load_config, loaders, set_dataset
from .inference import build_loader, extract_features, init_model, predict_scores

__all__ = [
    'BUDGETS',
    'EVALUATIONS',
    'build_loader',
    'choices',
    'extract_features',
    'init_model',
    'load_config',
    'loaders',
    'predict_scores',
    'set_dataset',
]
