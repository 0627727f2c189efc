/**
 * MessagePack, as much of it as the link speaks: JSON's values, and bytes.
 *
 * In place of @msgpack/msgpack, which is six times the size before the first
 * paint: no extensions, no streams, no custom codecs here. Tests hold it against
 * that package. Integers beyond 2^53 are read as the nearest number.
 */

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder();

/** Write a value. Fields that are undefined are left out; functions and the like are a TypeError. */
export function encode(value: unknown): Uint8Array {
  const writer = new Writer();
  writer.write(value);
  return writer.bytes();
}

/** Read one value. Throws a RangeError when the bytes end early, or are none of this. */
export function decode(bytes: Uint8Array): unknown {
  return new Reader(bytes).read();
}

class Writer {
  #buffer = new Uint8Array(256);
  #view = new DataView(this.#buffer.buffer);
  #at = 0;

  bytes(): Uint8Array {
    return this.#buffer.slice(0, this.#at);
  }

  write(value: unknown): void {
    if (value === null || value === undefined) this.#byte(0xc0);
    else if (value === true) this.#byte(0xc3);
    else if (value === false) this.#byte(0xc2);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#string(value);
    else if (Array.isArray(value)) {
      this.#length(value.length, 0x90, 15, 0xdc);
      for (const item of value) this.write(item);
    } else if (value instanceof Uint8Array) {
      this.#bin(value);
    } else if (typeof value === "object") {
      const entries = Object.entries(value).filter(([, field]) => field !== undefined);
      this.#length(entries.length, 0x80, 15, 0xde);
      for (const [key, field] of entries) {
        this.#string(key);
        this.write(field);
      }
    } else throw new TypeError(`a ${typeof value} cannot be sent`);
  }

  #number(value: number): void {
    if (!Number.isSafeInteger(value) || Object.is(value, -0)) {
      this.#byte(0xcb);
      const at = this.#take(8);
      this.#view.setFloat64(at, value);
    } else if (value >= 0) this.#positive(value);
    else this.#negative(value);
  }

  #positive(value: number): void {
    if (value < 0x80) this.#byte(value);
    else if (value < 0x100) {
      this.#byte(0xcc);
      this.#byte(value);
    } else if (value < 0x10000) {
      this.#byte(0xcd);
      const at = this.#take(2);
      this.#view.setUint16(at, value);
    } else if (value < 0x100000000) {
      this.#byte(0xce);
      const at = this.#take(4);
      this.#view.setUint32(at, value);
    } else {
      this.#byte(0xcf);
      const at = this.#take(8);
      this.#view.setBigUint64(at, BigInt(value));
    }
  }

  #negative(value: number): void {
    if (value >= -0x20) this.#byte(value + 0x100);
    else if (value >= -0x80) {
      this.#byte(0xd0);
      const at = this.#take(1);
      this.#view.setInt8(at, value);
    } else if (value >= -0x8000) {
      this.#byte(0xd1);
      const at = this.#take(2);
      this.#view.setInt16(at, value);
    } else if (value >= -0x80000000) {
      this.#byte(0xd2);
      const at = this.#take(4);
      this.#view.setInt32(at, value);
    } else {
      this.#byte(0xd3);
      const at = this.#take(8);
      this.#view.setBigInt64(at, BigInt(value));
    }
  }

  #string(value: string): void {
    const bytes = utf8Encoder.encode(value);
    if (bytes.length > 31 && bytes.length < 0x100) {
      this.#byte(0xd9);
      this.#byte(bytes.length);
    } else this.#length(bytes.length, 0xa0, 31, 0xda);
    const at = this.#take(bytes.length);
    this.#buffer.set(bytes, at);
  }

  #bin(value: Uint8Array): void {
    if (value.length < 0x100) {
      this.#byte(0xc4);
      this.#byte(value.length);
    } else this.#length(value.length, 0, -1, 0xc5);
    const at = this.#take(value.length);
    this.#buffer.set(value, at);
  }

  /** Up to `small` in the first byte, else in two or four bytes more. */
  #length(length: number, fixed: number, small: number, two: number): void {
    if (length <= small) this.#byte(fixed | length);
    else if (length < 0x10000) {
      this.#byte(two);
      const at = this.#take(2);
      this.#view.setUint16(at, length);
    } else {
      this.#byte(two + 1);
      const at = this.#take(4);
      this.#view.setUint32(at, length);
    }
  }

  #byte(value: number): void {
    const at = this.#take(1);
    this.#view.setUint8(at, value);
  }

  /** Make room; returns where it begins. Call it before naming the buffer, which it may replace. */
  #take(size: number): number {
    const start = this.#at;
    this.#at += size;
    if (this.#at > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(this.#at, this.#buffer.length * 2));
      larger.set(this.#buffer);
      this.#buffer = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }
}

class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(): unknown {
    const tag = this.#view.getUint8(this.#take(1));
    if (tag < 0x80) return tag;
    if (tag < 0x90) return this.#map(tag & 0x0f);
    if (tag < 0xa0) return this.#array(tag & 0x0f);
    if (tag < 0xc0) return this.#string(tag & 0x1f);
    if (tag >= 0xe0) return tag - 0x100;
    switch (tag) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xc4:
        return this.#slice(this.#u8());
      case 0xc5:
        return this.#slice(this.#u16());
      case 0xc6:
        return this.#slice(this.#u32());
      case 0xca:
        return this.#view.getFloat32(this.#take(4));
      case 0xcb:
        return this.#view.getFloat64(this.#take(8));
      case 0xcc:
        return this.#u8();
      case 0xcd:
        return this.#u16();
      case 0xce:
        return this.#u32();
      case 0xcf:
        return Number(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      case 0xd3:
        return Number(this.#view.getBigInt64(this.#take(8)));
      case 0xd9:
        return this.#string(this.#u8());
      case 0xda:
        return this.#string(this.#u16());
      case 0xdb:
        return this.#string(this.#u32());
      case 0xdc:
        return this.#array(this.#u16());
      case 0xdd:
        return this.#array(this.#u32());
      case 0xde:
        return this.#map(this.#u16());
      case 0xdf:
        return this.#map(this.#u32());
      default:
        throw new RangeError(`byte ${tag} begins no value that the link speaks`);
    }
  }

  #map(size: number): Record<string, unknown> {
    // `__proto__` is a key like any other in somebody's metadata.
    const entries: [string, unknown][] = [];
    let ordinary = true;
    const result: Record<string, unknown> = {};
    for (let left = size; left > 0; left -= 1) {
      const key = this.read();
      if (typeof key !== "string") throw new RangeError("a key is not a string");
      const value = this.read();
      if (key === "__proto__") ordinary = false;
      else result[key] = value;
      entries.push([key, value]);
    }
    return ordinary ? result : Object.fromEntries(entries);
  }

  #array(size: number): unknown[] {
    const result: unknown[] = [];
    for (let left = size; left > 0; left -= 1) result.push(this.read());
    return result;
  }

  #string(size: number): string {
    const start = this.#take(size);
    // Most strings are short names: for them, a decoder's call costs more than its work.
    if (size < 24) {
      let text = "";
      let at = start;
      for (; at < start + size; at += 1) {
        const unit = this.#view.getUint8(at);
        if (unit >= 0x80) break;
        text += String.fromCharCode(unit);
      }
      if (at === start + size) return text;
    }
    return utf8Decoder.decode(this.#bytes.subarray(start, start + size));
  }

  #slice(size: number): Uint8Array {
    const start = this.#take(size);
    return this.#bytes.slice(start, start + size);
  }

  #u8(): number {
    return this.#view.getUint8(this.#take(1));
  }

  #u16(): number {
    return this.#view.getUint16(this.#take(2));
  }

  #u32(): number {
    return this.#view.getUint32(this.#take(4));
  }

  #take(size: number): number {
    const start = this.#at;
    this.#at += size;
    if (this.#at > this.#bytes.length) throw new RangeError("the frame ends early");
    return start;
  }
}
