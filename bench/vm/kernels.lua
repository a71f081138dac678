-- The kernels of bench/vm in Lua: arguments NAME N, prints seconds and the check. Each function does what NAME.esl does.
local sqrt = math.sqrt
local K = {}

function K.loop(n)
  local s = 0
  for i = 1, n do s = s + i % 7 end
  return s
end

local function fib(n)
  if n < 2 then return n end
  return fib(n - 1) + fib(n - 2)
end
K.fib = fib

function K.sieve(n)
  local count
  for _ = 1, 5 do
    local f = {}
    count = 0
    for i = 1, n do f[i] = true end
    for i = 2, n do
      if f[i] then
        count = count + 1
        for j = i * i, n, i do f[j] = false end
      end
    end
  end
  return count
end

function K.matmul(n)
  local a, b, c = {}, {}, {}
  for i = 1, n do
    local ra, rb = {}, {}
    for j = 1, n do
      ra[j] = (i + j - 2) / n
      rb[j] = (i - j) / n
    end
    a[i], b[i] = ra, rb
  end
  for i = 1, n do
    local row, result = a[i], {}
    for j = 1, n do
      local s = 0.0
      for k = 1, n do s = s + row[k] * b[k][j] end
      result[j] = s
    end
    c[i] = result
  end
  return c[2][3] + c[math.floor(n / 2) + 1][math.floor(n / 3) + 1]
end

function K.mandel(n)
  local total = 0
  for y = 0, n - 1 do
    for x = 0, n - 1 do
      local cr, ci, zr, zi, k = 2.0 * x / n - 1.5, 2.0 * y / n - 1.0, 0.0, 0.0, 0
      while k < 50 and zr * zr + zi * zi <= 4.0 do
        local t = zr * zr - zi * zi + cr
        zi = 2.0 * zr * zi + ci
        zr = t
        k = k + 1
      end
      total = total + k
    end
  end
  return total
end

function K.records(n)
  local t = {}
  for i = 0, n - 1 do t[i + 1] = {id = i, qty = i % 10, price = 1.0 + i % 100, active = i % 3 ~= 0} end
  for _ = 1, 100 do
    for i = 1, n do
      local r = t[i]
      if r.active then
        r.qty = (r.qty + r.id) % 100
        r.price = r.price * 0.99 + r.qty * 0.01
      else
        r.qty = r.qty + 1
      end
      r.active = r.qty % 5 ~= 0
    end
  end
  local s = 0.0
  for i = 1, n do s = s + (t[i].price + t[i].qty) end
  return s
end

function K.nbody(n)
  local b = {}
  for i = 0, 4 do
    b[i + 1] = {x = i * 1.5, y = i * i * 0.3 - 1.0, z = 0.1 * i, vx = 0.01 * i, vy = 0.02 * (4 - i), vz = 0.003 * i, m = 1.0 / (i + 1)}
  end
  for _ = 1, n do
    for i = 1, 5 do
      local p = b[i]
      for j = i + 1, 5 do
        local q = b[j]
        local dx, dy, dz = p.x - q.x, p.y - q.y, p.z - q.z
        local d2 = dx * dx + dy * dy + dz * dz + 0.01
        local mag = 0.001 / (d2 * sqrt(d2))
        p.vx = p.vx - dx * q.m * mag
        p.vy = p.vy - dy * q.m * mag
        p.vz = p.vz - dz * q.m * mag
        q.vx = q.vx + dx * p.m * mag
        q.vy = q.vy + dy * p.m * mag
        q.vz = q.vz + dz * p.m * mag
      end
    end
    for i = 1, 5 do
      local p = b[i]
      p.x = p.x + 0.001 * p.vx
      p.y = p.y + 0.001 * p.vy
      p.z = p.z + 0.001 * p.vz
    end
  end
  return b[1].x + b[2].y + b[3].z + b[4].vx + b[5].vy
end

local function p0(x) return x + 1 end
local function p1(x) return x * 2 % 1000 end
local function p2(x) return x + 7 end
local function p3(x)
  local y = x % 17
  return x + y
end
local function p4(x) if x > 500 then return x - 500 end return x end
local function p5(x) return x + 5 end
local function p6(x) return x * 3 % 1009 end
local function p7(x) if x > 0 then return x - 1 end return 0 end

local function dispatch(op, x)
  if op == 0 then return p0(x)
  elseif op == 1 then return p1(x)
  elseif op == 2 then return p2(x)
  elseif op == 3 then return p3(x)
  elseif op == 4 then return p4(x)
  elseif op == 5 then return p5(x)
  elseif op == 6 then return p6(x)
  else return p7(x) end
end

function K.dispatch(n)
  local x, seed = 1, 42
  for _ = 1, n do
    seed = (seed * 3877 + 29573) % 139968
    x = dispatch(seed % 8, x)
  end
  return x
end

function K.strings(n)
  local text, ends, hits = "", 0, 0
  for _ = 1, n do
    text = ""
    local chunk = ""
    for i = 1, 6650 do
      chunk = chunk .. "key" .. i .. "=" .. i * 7 .. ";"
      if i % 100 == 0 then
        text = text .. chunk
        chunk = ""
      end
    end
    text = text .. chunk
    for i = 1, #text do
      if text:sub(i, i) == ";" then ends = ends + 1 end
    end
    local at = text:find("99", 1, true)
    while at do
      hits = hits + 1
      at = text:find("99", at + 1, true)
    end
  end
  return ends * 1000000 + hits + #text
end

local name, n = arg[1], tonumber(arg[2])
local begin = os.clock()
local check = K[name](n)
print(string.format("%.9f %.10g", os.clock() - begin, check))
