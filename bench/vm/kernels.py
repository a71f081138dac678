"""The kernels of bench/vm in Python: arguments NAME N, prints seconds and the check. Each function does what NAME.esl does."""

import sys
import time
from math import sqrt


def loop(n):
    s = 0
    for i in range(1, n + 1):
        s = s + i % 7
    return s


def fib(n):
    if n < 2:
        return n
    return fib(n - 1) + fib(n - 2)


def sieve(n):
    for _ in range(5):
        f = [True] * (n + 1)
        count = 0
        for i in range(2, n + 1):
            if f[i]:
                count = count + 1
                for j in range(i * i, n + 1, i):
                    f[j] = False
    return count


def matmul(n):
    a = [[(i + j) / n for j in range(n)] for i in range(n)]
    b = [[(i - j) / n for j in range(n)] for i in range(n)]
    c = []
    for i in range(n):
        row, result = a[i], []
        for j in range(n):
            s = 0.0
            for k in range(n):
                s = s + row[k] * b[k][j]
            result.append(s)
        c.append(result)
    return c[1][2] + c[n // 2][n // 3]


def mandel(n):
    total = 0
    for y in range(n):
        for x in range(n):
            cr, ci, zr, zi, k = 2.0 * x / n - 1.5, 2.0 * y / n - 1.0, 0.0, 0.0, 0
            while k < 50 and zr * zr + zi * zi <= 4.0:
                t = zr * zr - zi * zi + cr
                zi = 2.0 * zr * zi + ci
                zr = t
                k = k + 1
            total = total + k
    return total


class Item:
    __slots__ = ("id", "qty", "price", "active")

    def __init__(self, i):
        self.id, self.qty, self.price, self.active = i, i % 10, 1.0 + i % 100, i % 3 != 0


def records(n):
    t = [Item(i) for i in range(n)]
    for _ in range(100):
        for r in t:
            if r.active:
                r.qty = (r.qty + r.id) % 100
                r.price = r.price * 0.99 + r.qty * 0.01
            else:
                r.qty = r.qty + 1
            r.active = r.qty % 5 != 0
    s = 0.0
    for r in t:
        s = s + (r.price + r.qty)
    return s


class Body:
    __slots__ = ("x", "y", "z", "vx", "vy", "vz", "m")

    def __init__(self, i):
        self.x, self.y, self.z = i * 1.5, i * i * 0.3 - 1.0, 0.1 * i
        self.vx, self.vy, self.vz, self.m = 0.01 * i, 0.02 * (4 - i), 0.003 * i, 1.0 / (i + 1)


def nbody(n):
    b = [Body(i) for i in range(5)]
    for _ in range(n):
        for i in range(5):
            p = b[i]
            for j in range(i + 1, 5):
                q = b[j]
                dx, dy, dz = p.x - q.x, p.y - q.y, p.z - q.z
                d2 = dx * dx + dy * dy + dz * dz + 0.01
                mag = 0.001 / (d2 * sqrt(d2))
                p.vx = p.vx - dx * q.m * mag
                p.vy = p.vy - dy * q.m * mag
                p.vz = p.vz - dz * q.m * mag
                q.vx = q.vx + dx * p.m * mag
                q.vy = q.vy + dy * p.m * mag
                q.vz = q.vz + dz * p.m * mag
        for p in b:
            p.x = p.x + 0.001 * p.vx
            p.y = p.y + 0.001 * p.vy
            p.z = p.z + 0.001 * p.vz
    return b[0].x + b[1].y + b[2].z + b[3].vx + b[4].vy


def p0(x):
    return x + 1


def p1(x):
    return x * 2 % 1000


def p2(x):
    return x + 7


def p3(x):
    y = x % 17
    return x + y


def p4(x):
    return x - 500 if x > 500 else x


def p5(x):
    return x + 5


def p6(x):
    return x * 3 % 1009


def p7(x):
    return x - 1 if x > 0 else 0


def one_of_eight(op, x):
    if op == 0:
        return p0(x)
    if op == 1:
        return p1(x)
    if op == 2:
        return p2(x)
    if op == 3:
        return p3(x)
    if op == 4:
        return p4(x)
    if op == 5:
        return p5(x)
    if op == 6:
        return p6(x)
    return p7(x)


def dispatch(n):
    x, seed = 1, 42
    for _ in range(n):
        seed = (seed * 3877 + 29573) % 139968
        x = one_of_eight(seed % 8, x)
    return x


def strings(n):
    ends = hits = 0
    for _ in range(n):
        text = chunk = ""
        for i in range(1, 6651):
            chunk = chunk + "key" + str(i) + "=" + str(i * 7) + ";"
            if i % 100 == 0:
                text = text + chunk
                chunk = ""
        text = text + chunk
        for i in range(len(text)):
            if text[i:i + 1] == ";":
                ends = ends + 1
        at = text.find("99")
        while at >= 0:
            hits = hits + 1
            at = text.find("99", at + 1)
    return ends * 1000000 + hits + len(text)


if __name__ == "__main__":
    kernel, n = globals()[sys.argv[1]], int(sys.argv[2])
    begin = time.process_time()
    check = kernel(n)
    print(f"{time.process_time() - begin:.9f} {check:.10g}")
