"""Where rows come from: dataframes, text files, databases and Parquet files.

A source gives batches as plain dicts of arrays, one array per column, and knows nothing of
what is done with them. The first batch settles the dtype of every column; a later batch
that does not fit is an error that names the column and the row.
"""
