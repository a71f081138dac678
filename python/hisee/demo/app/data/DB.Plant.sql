CREATE TABLE meter (
    "Id" INTEGER PRIMARY KEY,
    "Customer" TEXT NOT NULL,
    "Power" REAL,
    "Energy" REAL,
    "Flow" REAL,
    "Supply" REAL,
    "Return" REAL
);
CREATE TABLE setpoint (
    "Id" INTEGER PRIMARY KEY,
    "Value" REAL
);
