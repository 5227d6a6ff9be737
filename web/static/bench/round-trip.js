// What a way to the GPU's process and back takes when there is nothing to do.

const TIMES = 40;

/** @returns {Promise<number>} milliseconds from a submit to the four bytes that it copied, the median of some */
export async function roundTrip() {
  const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
  const device = await adapter.requestDevice();
  try {
    const from = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_SRC });
    const to = device.createBuffer({ size: 4, usage: GPUBufferUsage.COPY_DST | GPUBufferUsage.MAP_READ });
    const took = [];
    for (let i = 0; i < TIMES; i++) {
      const began = performance.now();
      const encoder = device.createCommandEncoder();
      encoder.copyBufferToBuffer(from, 0, to, 0, 4);
      device.queue.submit([encoder.finish()]);
      await to.mapAsync(GPUMapMode.READ);
      to.unmap();
      took.push(performance.now() - began);
    }
    took.sort((a, b) => a - b);
    return took[TIMES >> 1];
  } finally {
    device.destroy();
  }
}
