from ntksym.numerics.fixed_point import decode_floats, encode


def test_encoding_keeps_numbers() -> None:
    assert decode_floats(encode([0.5, -0.25, 3], 80), 80).tolist() == [0.5, -0.25, 3.0]
    assert decode_floats([1 << 2000], 2000).tolist() == [1.0]
    assert decode_floats([-(3 << 1000)], 2000).tolist() == [-3 * 2.0**-1000]
