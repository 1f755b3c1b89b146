import { LabIcon } from '@jupyterlab/ui-components';

/** A sieve under a star. */
export const skyIcon = new LabIcon({
  name: 'skysieve:sieve',
  svgstr: `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">
  <g class="jp-icon3 jp-icon-selectable" fill="#616161">
    <path d="M12 1l1.3 3.7L17 6l-3.7 1.3L12 11l-1.3-3.7L7 6l3.7-1.3z"/>
    <path d="M2 12h20v2h-1.1c-.5 4.500-4.300 8-8.900 8s-8.400-3.500-8.900-8H2zm3.100 2c.2.9.5 1.700 1 2.400L8.500 14zm5.400 0l-3.300 3.300c.6.7 1.300 1.200 2 1.600L14 14zm5.500 0l-4.800 5.700c.300 0 .5.100.8.100.7 0 1.400-.1 2-.3l4.400-5.500zm3.500 2l-2 2.500c.7-.7 1.200-1.500 1.500-2.400z"/>
  </g></svg>`
});
