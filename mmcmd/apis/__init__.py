from .inference import build_loader, extract_features, init_model, predict_scores

__all__ = ['build_loader', 'extract_features', 'init_model', 'predict_scores']
