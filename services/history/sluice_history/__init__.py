"""History: records every lifecycle event once, answers what happened. It decides nothing about downloads."""
