"""exp(a)*erfi(y) through Dawson's function D(y) = exp(-y^2) int_0^y exp(t^2) dt, without a branch or a call to libm.

Four polynomials, all evaluated, one selected; they come from `derivations/dawson.py`.
"""

from ntksym.special.vector.elementary import exp_square, inlined

__all__ = ["dawson_far", "dawson_high", "dawson_low", "dawson_near", "exp_erfi"]


@inlined
def dawson_near(u: float) -> float:
    """D(y)/y for y <= 1.75, u = y^2/1.53125 - 1."""
    p = -1.9229107029436137e-13
    p = p * u + 2.2105239724358722e-12
    p = p * u - 2.311608781150799e-11
    p = p * u + 2.3472899731922723e-10
    p = p * u - 2.232324918610694e-09
    p = p * u + 1.976595353339655e-08
    p = p * u - 1.6216754279745577e-07
    p = p * u + 1.2251793792801015e-06
    p = p * u - 8.46145131559607e-06
    p = p * u + 5.2955814044933435e-05
    p = p * u - 0.00029718200655705335
    p = p * u + 0.0014761002348242962
    p = p * u - 0.0063834487935173195
    p = p * u + 0.023527851703145312
    p = p * u - 0.07182701166824856
    p = p * u + 0.1745425277670507
    p = p * u - 0.3187876114652588
    p = p * u + 0.40309543949058896
    return p


@inlined
def dawson_low(u: float) -> float:
    """2*y*D(y) for 1.75 <= y <= 3.25, u = (y - 2.5)/0.75."""
    p = 1.8461210494596744e-10
    p = p * u - 2.4136122917666436e-10
    p = p * u - 3.2613367552570736e-09
    p = p * u + 1.2527593476224924e-08
    p = p * u + 1.1747066434082997e-08
    p = p * u - 2.1174769343610515e-07
    p = p * u + 5.028636852041438e-07
    p = p * u + 1.0669958105319174e-06
    p = p * u - 9.111898945061242e-06
    p = p * u + 1.6657729262579022e-05
    p = p * u + 3.819480564834329e-05
    p = p * u - 0.00026381152134542486
    p = p * u + 0.00048587631137037837
    p = p * u + 0.00043635976658816256
    p = p * u - 0.00429594639899113
    p = p * u + 0.009946880446680748
    p = p * u - 0.008537128353670957
    p = p * u - 0.012601010420591122
    p = p * u + 0.05426820166116689
    p = p * u - 0.09819420738826164
    p = p * u + 1.1154186108371773
    return p


@inlined
def dawson_high(u: float) -> float:
    """2*y*D(y) for 3.25 <= y <= 5.25, u = y - 4.25."""
    p = -1.9109758418105995e-10
    p = p * u + 3.326534035200027e-10
    p = p * u + 1.46724592152083e-09
    p = p * u - 6.813609369681389e-09
    p = p * u + 1.265959961300434e-08
    p = p * u - 3.1616209578745356e-10
    p = p * u - 9.092375871630176e-08
    p = p * u + 3.6750384602132856e-07
    p = p * u - 8.614303706190787e-07
    p = p * u + 1.1713629266009255e-06
    p = p * u + 1.7544372787242608e-07
    p = p * u - 6.533412976696949e-06
    p = p * u + 2.4200505098818597e-05
    p = p * u - 6.52907858924037e-05
    p = p * u + 0.00015809839616434353
    p = p * u - 0.0003800574715121695
    p = p * u + 0.0009507908826772622
    p = p * u - 0.002472574060958311
    p = p * u + 0.006455143495504672
    p = p * u - 0.015816999176237828
    p = p * u + 1.030383551501751
    return p


@inlined
def dawson_far(u: float) -> float:
    """2*y*D(y) for y >= 5.25, u = 55.125/y^2 - 1."""
    p = -7.53831779264505e-13
    p = p * u - 2.2748894460061065e-12
    p = p * u - 3.793296121428141e-13
    p = p * u + 6.5851144881979015e-12
    p = p * u + 1.2108865000950774e-11
    p = p * u + 1.6760525100618083e-11
    p = p * u + 3.983485015022556e-11
    p = p * u + 1.3286210018789634e-10
    p = p * u + 5.259477505462158e-10
    p = p * u + 2.5456802321878508e-09
    p = p * u + 1.526252851314443e-08
    p = p * u + 1.1504561987757221e-07
    p = p * u + 1.120519290132761e-06
    p = p * u + 1.4762566655619283e-05
    p = p * u + 0.0002853390905399033
    p = p * u + 0.009600669172421344
    p = p * u + 1.009329074035193
    return p


@inlined
def exp_erfi(a: float, y: float) -> float:
    """exp(a)*erfi(y), overflowing only as a whole, relative accuracy near y = 0. Error below 5 ulp.

    |y| not below 1e-290; beyond 1e100 as at 1e100.
    """
    z = abs(y)
    z = 1e100 if z > 1e100 else z
    inverse = 1.0 / z
    beyond = (
        0.5
        * inverse
        * (
            dawson_far(55.125 * inverse * inverse - 1.0)
            if z > 5.25
            else (dawson_high(z - 4.25) if z > 3.25 else dawson_low((z - 2.5) * 1.3333333333333333))
        )
    )
    value = beyond if z > 1.75 else z * dawson_near(z * z * 0.6530612244897959 - 1.0)
    value = exp_square(a, 1.0, z, 1.1283791670955126 * value)
    return -value if y < 0.0 else value
