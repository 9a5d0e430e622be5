from .recurrent import GRU, LSTM, BiGRU, RecurrentEncoder

__all__ = ['GRU', 'LSTM', 'BiGRU', 'RecurrentEncoder']
