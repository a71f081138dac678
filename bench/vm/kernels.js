// The kernels of bench/vm in JavaScript: run(NAME, N) answers "seconds check". Each function does what NAME.esl does.
const K = {}

K.loop = n => {
  let s = 0
  for (let i = 1; i <= n; i++) s += i % 7
  return s
}

const fib = n => n < 2 ? n : fib(n - 1) + fib(n - 2)
K.fib = fib

K.sieve = n => {
  let count
  for (let r = 0; r < 5; r++) {
    const f = []
    count = 0
    for (let i = 0; i <= n; i++) f.push(true)
    for (let i = 2; i <= n; i++) {
      if (f[i]) {
        count++
        for (let j = i * i; j <= n; j += i) f[j] = false
      }
    }
  }
  return count
}

K.matmul = n => {
  const a = [], b = [], c = []
  for (let i = 0; i < n; i++) {
    const ra = [], rb = []
    for (let j = 0; j < n; j++) {
      ra.push((i + j) / n)
      rb.push((i - j) / n)
    }
    a.push(ra)
    b.push(rb)
  }
  for (let i = 0; i < n; i++) {
    const row = a[i], result = []
    for (let j = 0; j < n; j++) {
      let s = 0.0
      for (let k = 0; k < n; k++) s += row[k] * b[k][j]
      result.push(s)
    }
    c.push(result)
  }
  return c[1][2] + c[Math.floor(n / 2)][Math.floor(n / 3)]
}

K.mandel = n => {
  let total = 0
  for (let y = 0; y < n; y++) {
    for (let x = 0; x < n; x++) {
      const cr = 2.0 * x / n - 1.5, ci = 2.0 * y / n - 1.0
      let zr = 0.0, zi = 0.0, k = 0
      while (k < 50 && zr * zr + zi * zi <= 4.0) {
        const t = zr * zr - zi * zi + cr
        zi = 2.0 * zr * zi + ci
        zr = t
        k++
      }
      total += k
    }
  }
  return total
}

K.records = n => {
  const t = []
  for (let i = 0; i < n; i++) t.push({id: i, qty: i % 10, price: 1.0 + i % 100, active: i % 3 !== 0})
  for (let pass = 0; pass < 100; pass++) {
    for (let i = 0; i < n; i++) {
      const r = t[i]
      if (r.active) {
        r.qty = (r.qty + r.id) % 100
        r.price = r.price * 0.99 + r.qty * 0.01
      } else {
        r.qty = r.qty + 1
      }
      r.active = r.qty % 5 !== 0
    }
  }
  let s = 0.0
  for (let i = 0; i < n; i++) s += t[i].price + t[i].qty
  return s
}

K.nbody = n => {
  const b = []
  for (let i = 0; i < 5; i++)
    b.push({x: i * 1.5, y: i * i * 0.3 - 1.0, z: 0.1 * i, vx: 0.01 * i, vy: 0.02 * (4 - i), vz: 0.003 * i, m: 1.0 / (i + 1)})
  for (let step = 0; step < n; step++) {
    for (let i = 0; i < 5; i++) {
      const p = b[i]
      for (let j = i + 1; j < 5; j++) {
        const q = b[j]
        const dx = p.x - q.x, dy = p.y - q.y, dz = p.z - q.z
        const d2 = dx * dx + dy * dy + dz * dz + 0.01
        const mag = 0.001 / (d2 * Math.sqrt(d2))
        p.vx = p.vx - dx * q.m * mag
        p.vy = p.vy - dy * q.m * mag
        p.vz = p.vz - dz * q.m * mag
        q.vx = q.vx + dx * p.m * mag
        q.vy = q.vy + dy * p.m * mag
        q.vz = q.vz + dz * p.m * mag
      }
    }
    for (let i = 0; i < 5; i++) {
      const p = b[i]
      p.x = p.x + 0.001 * p.vx
      p.y = p.y + 0.001 * p.vy
      p.z = p.z + 0.001 * p.vz
    }
  }
  return b[0].x + b[1].y + b[2].z + b[3].vx + b[4].vy
}

const p0 = x => x + 1
const p1 = x => x * 2 % 1000
const p2 = x => x + 7
const p3 = x => { const y = x % 17; return x + y }
const p4 = x => x > 500 ? x - 500 : x
const p5 = x => x + 5
const p6 = x => x * 3 % 1009
const p7 = x => x > 0 ? x - 1 : 0

const dispatch = (op, x) => {
  if (op === 0) return p0(x)
  else if (op === 1) return p1(x)
  else if (op === 2) return p2(x)
  else if (op === 3) return p3(x)
  else if (op === 4) return p4(x)
  else if (op === 5) return p5(x)
  else if (op === 6) return p6(x)
  else return p7(x)
}

K.dispatch = n => {
  let x = 1, seed = 42
  for (let i = 0; i < n; i++) {
    seed = (seed * 3877 + 29573) % 139968
    x = dispatch(seed % 8, x)
  }
  return x
}

K.strings = n => {
  let text = "", ends = 0, hits = 0
  for (let round = 0; round < n; round++) {
    text = ""
    let chunk = ""
    for (let i = 1; i <= 6650; i++) {
      chunk = chunk + "key" + i + "=" + i * 7 + ";"
      if (i % 100 === 0) {
        text = text + chunk
        chunk = ""
      }
    }
    text = text + chunk
    for (let i = 0; i < text.length; i++) if (text.substr(i, 1) === ";") ends++
    let at = text.indexOf("99")
    while (at >= 0) {
      hits++
      at = text.indexOf("99", at + 1)
    }
  }
  return ends * 1000000 + hits + text.length
}

function run(name, n) {
  const begin = process.cpuUsage()
  const check = K[name](n)
  const used = process.cpuUsage(begin)
  return (used.user + used.system) / 1e6 + " " + check
}

if (typeof process !== "undefined") console.log(run(process.argv[2], Number(process.argv[3])))
