/** Types and hosts of the registered sensors, read once for everybody who names one; never their places. */

import {get} from '../api/client';
import type {Sensor} from '../api/types';
import {Resource} from './resource.svelte';

class Sensors {
  private read = new Resource<Map<string, Sensor>>();

  /** Read the registry unless that was done; call it in an effect. */
  want(): void {
    if (this.read.value || this.read.loading) return;
    void this.read.load(async (signal) => {
      const {items} = await get<{items: Sensor[]}>('/v1/sensors', signal);
      return new Map(items.map((one) => [one.sensor_id, one]));
    });
  }

  of(id: string): Sensor | undefined {
    return this.read.value?.get(id);
  }
}

export const sensors = new Sensors();
