"""Reading what people have: pictures, videos, facial points, workbooks.

What these modules need beside Keras comes with the extras `video` and `tables`.
"""
