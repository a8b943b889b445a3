UPDATE t SET c = 1, c = DEFAULT, d = 2, c = 'x';
UPDATE t SET c = 1, c = 2 WHERE d;
